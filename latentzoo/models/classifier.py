"""A classifier of images, trained like every model here and stored on the same shelf.

    network, head       cross entropy of labels

The last hidden layer of such a network is what the Frechet classifier distance compares: the formula of the
FID, of features that fit the data better than those of photographs (a course project by Sridhar and
Srivastava on AdvAE and FlowAE judges digits by it). Its values depend on the classifier: a number means
something only beside others of the same one, and is reported with its hash.
"""

import keras
import numpy as np
from keras import ops

from latentzoo import images, losses
from latentzoo.errors import error, flag, whole
from latentzoo.graphs import infer
from latentzoo.networks import lenet, preactivation
from latentzoo.pretrained import Pretrained
from latentzoo.updates import Update, UpdateModel, serializable

NETWORKS = {"lenet": lenet.features, "resnet": preactivation.residual}


@serializable
class Classifier(Pretrained, UpdateModel):
    """A classifier of images.

    Args:
        image_shape: `(height, width, channels)`, pixels in [0, 1].
        classes: int, at least 2. Number of classes, or of attributes.
        attributes: bool. Whether an image has any number of the attributes, instead of one class.
        network: `"lenet"` or `"resnet"`.
        settings: dict of the network's own arguments.
        dtype: Keras dtype policy of the network; logits are float32.

    `fit` takes `(x, y)`: integer classes `(n,)`, or zeros and ones `(n, classes)`.

    Terms: `cross_entropy`, nats for an image (summed over attributes). Monitor: `accuracy`, the fraction of
    classes or attributes that are right.

    Example:

    >>> import latentzoo, numpy as np
    >>> model = latentzoo.models.Classifier((8, 8, 1), classes=3, network="resnet", settings={"blocks": 1})
    >>> model.compile()
    >>> x = np.random.default_rng(0).random((16, 8, 8, 1), "float32")
    >>> history = model.fit(x, np.arange(16) % 3, epochs=1, verbose=0)
    >>> model.features(x).shape, model.probabilities(x).shape
    ((16, 64), (16, 3))
    """

    parts = ("network", "head")

    def __init__(self, image_shape, classes, *, attributes=False, network="resnet", settings=None, **kwargs):
        super().__init__(**kwargs)
        whole("classes", classes, least=2)
        self.image_shape = images.shape(image_shape)
        self.classes, self.attributes = int(classes), flag("attributes", attributes)
        self.architecture, self.settings = network, dict(settings or {})
        if network not in NETWORKS:
            raise error("Unknown network.", f"one of {sorted(NETWORKS)}", f"network={network!r}")
        self.network = NETWORKS[network](self.image_shape, dtype=self.dtype_policy, **self.settings)
        self.head = keras.layers.Dense(self.classes, dtype=self.dtype_policy.variable_dtype, name="head")
        self.head.build(self.network.output_shape)
        self.built = True

    @property
    def width(self):
        """Width of the features."""
        return self.network.output_shape[-1]

    def updates(self):
        row = {"cross_entropy": 1.0}
        return [Update(self.terms, monitors=["accuracy"], network=row, head=row)]

    def terms(self, examples, training):
        x, y = examples
        logits = self.head(self.network(x, training=training))
        if self.attributes:
            y = ops.cast(y, "float32")
            right = ops.mean(ops.cast((logits > 0) == (y > 0.5), "float32"), axis=-1)
            return {"cross_entropy": losses.binary_cross_entropy(y, logits), "accuracy": right}
        right = ops.cast(ops.argmax(logits, axis=-1) == ops.cast(y, "int32"), "float32")
        return {"cross_entropy": losses.cross_entropy(y, logits), "accuracy": right}

    def prepare(self, x, y=None):
        x = images.scaled_tensor(x, self.image_shape)
        if y is None:
            raise error(
                "A classifier learns from labels.", "`fit(x, y)`, or a dataset of `(x, y)`", "no labels"
            )
        rank = 2 if self.attributes else 1
        if len(y.shape) != rank or (self.attributes and y.shape[-1] != self.classes):
            wanted = f"(n, {self.classes}) of zeros and ones" if self.attributes else "integers (n,)"
            raise error("The labels do not fit.", wanted, f"shape {tuple(y.shape)}")
        return x, y

    def check_data(self, x):
        super().check_data(x)
        images.check_data(x, self.image_shape)

    def call(self, x, training=False):
        """Logits, `(batch, classes)`."""
        return self.head(self.network(images.scaled_tensor(x, self.image_shape), training=training))

    def features(self, x, *, batch_size=256):
        """The last hidden layer, `(n, width)`, NumPy float32."""
        return infer(self.network, images.batches(x, self.image_shape, batch_size))

    def logits(self, features):
        """What the last layer makes of `features`: `(n, classes)`, NumPy float32."""
        return ops.convert_to_numpy(self.head(features))

    def probabilities(self, x, *, batch_size=256):
        """Probabilities of the classes, or of each attribute: `(n, classes)`, NumPy float32."""
        logits = self.logits(self.features(x, batch_size=batch_size))
        if self.attributes:
            return np.exp(-np.logaddexp(0, -logits))
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def get_config(self):
        return {
            "image_shape": list(self.image_shape),
            "classes": self.classes,
            "attributes": self.attributes,
            "network": self.architecture,
            "settings": self.settings,
            "name": self.name,
            "dtype": self.dtype_policy.name,
        }
