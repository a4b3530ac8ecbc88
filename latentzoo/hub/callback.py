"""Pushing while training, beside the steps and not between them."""

import concurrent.futures
import pathlib
import tempfile
import warnings

import keras

from latentzoo.errors import error
from latentzoo.hub.pushing import parse_target, push


class PushToHub(keras.callbacks.Callback):
    """Pushes the model to the Hugging Face Hub while it is trained.

    At the end of an epoch the weights are saved aside; the upload goes on beside the next epoch. Is an upload
    still going on when the next is due, that one is left out: what counts is the newest. A network
    failure is a warning, once, and the next push tries again. The end of training waits for the last.

    Args:
        repo_id: `"user/repo"`, made if need be.
        every: `"epoch"`, or int, epochs from one push to the next. The end of training always pushes.
        **options: `private`, `token`, `revision`, `commit_message` and `card`, as in
            `Autoencoder.push_to_hub`.

    Raises:
        ValueError: `repo_id`, `every` or an option cannot be one.

    Example:

    >>> from latentzoo import hub
    >>> callback = hub.PushToHub("me/my-glf", every=5)
    """

    def __init__(self, repo_id, every="epoch", **options):
        super().__init__()
        known = {"private", "token", "revision", "commit_message", "card"}
        if unknown := set(options) - known:
            raise error("Unknown options.", f"of {sorted(known)}", f"{sorted(unknown)}")
        self.every = 1 if every == "epoch" else every
        if type(self.every) is not int or self.every < 1:
            raise error("Bad interval.", "'epoch', or epochs, an integer >= 1", f"every={every!r}")
        parse_target(repo_id, options.get("revision"))
        self.repo_id, self.options = repo_id, options
        self.url = None  # of the last commit

    def on_train_begin(self, logs=None):
        self._executor = concurrent.futures.ThreadPoolExecutor(1, "latentzoo-push")
        self._job, self._warned, self._behind = None, False, False

    def on_epoch_end(self, epoch, logs=None):
        self._behind = True
        if (epoch + 1) % self.every == 0:
            self._push()

    def on_train_end(self, logs=None):
        self._finish(wait=True)
        if self._behind:
            self._push()
            self._finish(wait=True)
        self._executor.shutdown()

    def _push(self):
        self._finish(wait=False)
        if self._job is not None:
            return
        self._behind = False
        aside = tempfile.TemporaryDirectory(prefix="latentzoo-")
        self.model.save_pretrained(aside.name)
        self._job = self._executor.submit(self._upload, aside)

    def _upload(self, aside):
        with aside:
            return push(pathlib.Path(aside.name), self.repo_id, check=False, **self.options)

    def _finish(self, wait):
        """Takes the result of the upload that goes on, if it is there or waited for."""
        if self._job is None or not (wait or self._job.done()):
            return
        job, self._job = self._job, None
        try:
            self.url = job.result()
        except (OSError, RuntimeError) as mistake:
            self._behind = True
            if not self._warned:
                warnings.warn(f"The model was not pushed, training goes on: {mistake}", stacklevel=2)
            self._warned = True
