"""The network of the FID and of the Inception score: Google's Inception of 2015-12-05.

Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, 2015, arXiv:1512.00567, in the frozen graph
`classify_image_graph_def.pb` that Salimans et al. (2016, arXiv:1606.03498) and Heusel et al. (2017,
arXiv:1706.08500) measured with. No other weights give the same numbers: those of Keras or torchvision do not.
"""

import os

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from latentzoo.errors import error
from latentzoo.extractors import fetch
from latentzoo.extractors.extractor import Extractor, array, colour

FILE = "classify_image_graph_def.pb"
# The copy of OpenAI's guided-diffusion, whose hash others have recorded. TensorFlow's own server has the file
# in an archive, inception-2015-12-05.tgz; no hash of that was to be found. Both have 95673916 bytes.
URL = f"https://openaipublic.blob.core.windows.net/diffusion/jul-2021/ref_batches/{FILE}"
# As recorded for this URL in Dramwig/CoFiTok-internal on GitHub, and in the README of MIND-B's evaluation.
SHA256 = "009d6814d1bc560d4e7b236e170e9b2d5ca6f4b57bd8037f6db05776204415c6"
VARIABLE = "LATENTZOO_INCEPTION"
IMAGES, FEATURES, LOGITS = "ExpandDims:0", "pool_3:0", "softmax/logits/MatMul"


class Inception(Extractor):
    """Features and class probabilities of the frozen graph.

    The graph takes RGB in [0, 255] of any size, resizes it bilinearly to 299 x 299 without antialiasing, and
    rescales it. Features are `pool_3`, 2048; the 1008 logits are `features @ W` without the bias, as the
    authors of the Inception score have them.

    Args:
        path: the file of the graph, which has been checked.
    """

    def __init__(self, path):
        self.graph = tf.Graph()
        with self.graph.as_default():
            self.images = tf.compat.v1.placeholder("float32", (None, None, None, 3))
            try:
                definition = tf.compat.v1.GraphDef.FromString(path.read_bytes())
                for node in definition.node:
                    node.attr.pop("_output_shapes", None)  # those of one image
                # One of its operations is gone from graphs of version 9 on. A graph and session of its own
                # keep the version that the file tells; a `tf.function` does not, and fails when it is run.
                pool, logits = tf.import_graph_def(
                    definition, {IMAGES: self.images}, [FEATURES, LOGITS], name=""
                )
            except (DecodeError, ValueError, KeyError) as reason:
                raise error(
                    "The file is another graph.",
                    f"tensors {IMAGES}, {FEATURES} and the operation {LOGITS}",
                    f"'{path}': {reason}"[:400],
                ) from None
        self.pool, self.session = pool, tf.compat.v1.Session(graph=self.graph)
        self.weights = self.session.run(logits.inputs[1])
        super().__init__(
            "inception",
            fetch.hexdigest(path),
            distance="FID",
            resize="bilinear to 299 x 299 in the graph",
            width=len(self.weights),
            has_classes=True,
        )

    def features(self, images, batch_size=64):
        pieces = colour(array(images), batch_size)
        found = [self.session.run(self.pool, {self.images: 255 * piece}) for piece in pieces]
        return np.concatenate(found).reshape(-1, self.width)

    def logits(self, features):
        return np.asarray(features, "float32") @ self.weights


def load(path=None):
    """The network of the FID, `(n, 2048)`.

    Args:
        path: the file `classify_image_graph_def.pb`, or the folder that it is in; fetched if `None`.

    Returns:
        An `Inception`.

    Raises:
        ValueError, OSError: as of `latentzoo.extractors.load`.
    """
    own = fetch.given(path, VARIABLE)
    own = own / FILE if own and os.path.isdir(own) else own
    return Inception(fetch.file(FILE, URL, SHA256, path=own, variable=VARIABLE))
