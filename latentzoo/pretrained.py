"""What every model of the zoo can do with checkpoints: save them, open them, push them."""


class Pretrained:
    """Mixin for a `keras.Model` whose class `latentzoo.checkpoints` knows."""

    when_trained = {}  # arguments of the constructor with other values in a checkpoint: a start is made once

    def save_pretrained(self, folder, storage=None):
        """Saves a checkpoint folder that `latentzoo.load` opens.

        Args:
            folder: path; made if need be. Files of an older checkpoint there are replaced.
            storage: `"float32"`, `"float16"` or `"int8"`; `None` keeps the storage the model was
                loaded with, or float32.
        """
        from latentzoo import checkpoints  # they know the families, so they are imported late

        checkpoints.save(self, folder, storage)

    @classmethod
    def from_pretrained(cls, name, **options):
        """Opens a checkpoint of this class, or of any family if this is `Autoencoder`.

        Args, returns and errors are those of `latentzoo.load`; a checkpoint of another class is a
        `ValueError` that names it.

        Example:

        >>> import latentzoo
        >>> latentzoo.models.Autoencoder.from_pretrained("glf-fashion").latent_dim
        20
        """
        from latentzoo import zoo

        return zoo.load_family(name, cls, **options)

    def push_to_hub(
        self,
        repo_id,
        *,
        private=None,
        token=None,
        revision=None,
        create_pr=False,
        commit_message=None,
        card=None,
        tag=None,
    ):
        """Pushes the model to the Hugging Face Hub, as a checkpoint that `latentzoo.load(repo_id)` opens.

        The storage is that which the model was loaded with. The model is saved, opened again and compared
        before the first byte goes out. What the Hub has already is not sent, and a repo that has it all gets
        no commit.

        Args:
            repo_id: `"user/repo"`, or `"user/repo/folder"`; made if need be.
            private: bool. Whether a new repo is private; the user's default if `None`.
            token: of the Hub; that of `hf auth login` or `HF_TOKEN` if `None`.
            revision: branch, made if need be; `"main"` if `None`.
            create_pr: bool. Open a pull request instead.
            commit_message: str.
            card: str, Markdown. The README's text instead of ours.
            tag: str. Tag the commit, so that `latentzoo.load("user/repo@tag")` opens it for good.

        Returns:
            The URL of the commit, or of the pull request.

        Raises:
            ValueError: the model cannot be saved, or the repo id cannot be one.
            FileNotFoundError, PermissionError, ConnectionError: as in `latentzoo.load`.
            RuntimeError: somebody else pushed at the same time; nothing was changed.
        """
        from latentzoo.hub.pushing import push_model

        return push_model(
            self,
            repo_id,
            private=private,
            token=token,
            revision=revision,
            create_pr=create_pr,
            commit_message=commit_message,
            card=card,
            tag=tag,
        )
