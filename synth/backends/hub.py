"""Files of the Hugging Face hub, whoever wants them; what it refuses becomes an error with cause and fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from synth.backends.models import offline
from synth.errors import BackendError, SynthError


def small_file(model: str, name: str, revision: str | None, flag: str, form: str) -> Path:
    """A small file of a model, from the cache or the hub; its folder is named after the commit.

    `flag` is the option that names the model ("--renderer diffusers") and `form` what the file belongs to
    ("diffusers' format"): both for errors.

    Raises:
        SynthError: no such model, revision or file, no access to it, or the hub is out of reach.
    """
    from huggingface_hub import hf_hub_download

    with _explained(model, revision, flag, f"{name}: it is not in {form}", f"Name a model in {form}"):
        return Path(hf_hub_download(model, name, revision=revision, local_files_only=offline()))


def folder(model: str, commit: str, patterns: Sequence[str], flag: str) -> Path:
    """The folder with those files of a model, fetched where they are not there yet.

    Raises:
        SynthError: as `small_file`.
    """
    from huggingface_hub import snapshot_download

    with _explained(model, commit, flag, "such files", "Name another model"):
        found = snapshot_download(model, revision=commit, allow_patterns=list(patterns), local_files_only=offline())
        return Path(found)


@contextmanager
def _explained(model: str, revision: str | None, flag: str, lacks: str, instead: str) -> Iterator[None]:
    from huggingface_hub import errors as hub

    page = f"https://huggingface.co/{model}"
    try:
        yield
    except hub.GatedRepoError as error:
        raise SynthError(
            f"The model {model} is gated: its licence must be accepted before it can be fetched.",
            f"Accept it at {page}, then log in with 'hf auth login' or set HF_TOKEN to a token of that account.",
        ) from error
    except hub.RepositoryNotFoundError as error:
        raise SynthError(
            f"There is no model '{model}' on the Hugging Face hub, or it is private.",
            "Check the name (owner/model). For a private model, log in with 'hf auth login' or set HF_TOKEN.",
        ) from error
    except hub.RevisionNotFoundError as error:
        raise SynthError(
            f"The model {model} has no revision '{revision}'.", f"Look at {page}/commits/main, or leave it out."
        ) from error
    except (hub.LocalEntryNotFoundError, hub.OfflineModeIsEnabled) as error:
        why = "SYNTH_OFFLINE is set" if offline() else "the Hugging Face hub cannot be reached"
        at = f" --revision {revision}" if revision else ""
        raise BackendError(
            f"The model {model} is not on this machine, and {why}.",
            f"Fetch it where there is a connection ('hf download {model}{at}') and copy it here, then give its "
            f"folder: {flag}:FOLDER.",
        ) from error
    except hub.EntryNotFoundError as error:
        raise SynthError(
            f"The model {model} has no {lacks}.", f"{instead}; many checkpoints have such a version on the hub."
        ) from error
    except hub.HFValidationError as error:
        raise SynthError(f"'{model}' is no name of a model: {error}", "Names look like owner/model.") from error
    except Exception as error:  # the hub's client raises what its transport raises
        raise BackendError(
            f"The model {model} cannot be looked up on the Hugging Face hub: {type(error).__name__}: {error}",
            "Check the connection and try again.",
        ) from error
