"""Pushing while training, beside the steps and not between them."""

import pathlib
import shutil
import tempfile
import threading
import warnings

import keras

from latentzoo.errors import error
from latentzoo.hub.place import target
from latentzoo.hub.pushing import Remote, push

MISTAKES = (ValueError, OSError, RuntimeError)


class PushToHub(keras.callbacks.Callback):
    """Pushes the model to the Hugging Face Hub while it is trained.

    At the end of an epoch the weights are saved aside; the upload goes on beside the next epoch. Is an upload
    still going on when the next is due, that one is left out: what counts is the newest. What fails is a
    warning, once, and the next push tries again. The end of training waits for the last.

    Args:
        repo_id: `"user/repo"`, made if need be.
        every: `"epoch"`, or int, epochs from one push to the next. The end of training always pushes, so that
            after `EarlyStopping(restore_best_weights=True)` in the list the best are there.
        private, token, revision, commit_message, card: as in `Autoencoder.push_to_hub`.

    Raises:
        ValueError: an argument cannot be one.
        PermissionError: when training begins: nobody is logged in, or the repo is somebody else's.

    Example:

    >>> from latentzoo import hub
    >>> callback = hub.PushToHub("me/my-glf", every=5)
    """

    def __init__(
        self,
        repo_id,
        every="epoch",
        *,
        private=None,
        token=None,
        revision=None,
        commit_message=None,
        card=None,
    ):
        super().__init__()
        self.every = 1 if every == "epoch" else every
        if type(self.every) is not int or self.every < 1:
            raise error("Bad interval.", "'epoch', or epochs, an integer >= 1", f"every={every!r}")
        self.place = target(repo_id, revision)
        self.private, self.token = private, token
        self.options = {"revision": revision, "commit_message": commit_message, "card": card}
        self.repo_id = repo_id
        self.url = None  # of the last commit
        self._upload, self._warned = None, False

    def set_model(self, model):
        super().set_model(model)
        if not hasattr(model, "save_pretrained"):
            expected = "a model of latentzoo"
            raise error("Only checkpoints of latentzoo are pushed.", expected, f"{type(model).__name__}")

    def on_train_begin(self, logs=None):
        self._upload, self._warned = None, False
        try:
            Remote(self.place, self.token).prepare(self.private)
        except PermissionError:
            raise
        except MISTAKES as mistake:
            self._warn(mistake)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            self._push()

    def on_train_end(self, logs=None):
        self._finish(wait=True)
        self._push()  # of weights that are there already, this makes no commit
        self._finish(wait=True)

    def _push(self):
        self._finish(wait=False)
        if self._upload is not None:
            return
        self._upload = Upload(self.model, self.repo_id, {"token": self.token, **self.options})

    def _finish(self, wait):
        """Takes the result of the upload that goes on, if it is there or waited for."""
        if self._upload is None or not (wait or self._upload.done()):
            return
        upload, self._upload = self._upload, None
        try:
            self.url = upload.result()
        except MISTAKES as mistake:
            self._warn(mistake)

    def _warn(self, mistake):
        if not self._warned:
            warnings.warn(f"The model was not pushed, training goes on: {mistake}", stacklevel=2)
        self._warned = True


class Upload:
    """A push of a model as it is now, in a thread that an interrupted program does not wait for."""

    def __init__(self, model, repo_id, options):
        self.url = self.mistake = None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="latentzoo-"))
        self.thread = threading.Thread(target=self.run, args=(repo_id, options), daemon=True)
        try:
            model.save_pretrained(self.folder)
        except MISTAKES as mistake:  # a model that diverged, say
            self.mistake = mistake
            shutil.rmtree(self.folder)
        else:
            self.thread.start()

    def run(self, repo_id, options):
        try:
            self.url = push(self.folder, repo_id, check=False, **options)
        except BaseException as mistake:
            self.mistake = mistake
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def done(self):
        return not self.thread.is_alive()

    def result(self):
        """The URL of the commit; raises what went wrong."""
        if self.thread.ident is not None:
            self.thread.join()
        if self.mistake is not None:
            raise self.mistake
        return self.url
