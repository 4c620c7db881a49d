"""What the user brings: a PyTorch model in a Python file, weights."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparrow.flow.errors import UserError

if TYPE_CHECKING:
    import torch

__all__ = ["files_of", "load_weights", "model_factory", "split_reference"]

_imported: set[str] = set()  # modules from the folder of the model's file


def split_reference(reference: str, subject: str = "MODEL", *,
                    folder: Path | None = None) -> tuple[Path, str]:
    """The file and the function of ``FILE.py:function``.

    Parameters
    ----------
    reference
        What the user wrote.
    subject
        How errors call it.
    folder
        What a relative file is relative to.

    Raises
    ------
    UserError
        If it has another form, or there is no such file.
    """
    file, _, name = reference.rpartition(":")
    if not file or not name.isidentifier():
        raise UserError(f"{subject} must be FILE.py:function, not {reference!r}")
    path = Path(file) if folder is None else folder / file
    if not path.is_file():
        raise UserError(f"{subject} must name an existing file, not {str(path)!r}")
    return path, name


def model_factory(path: Path, name: str) -> Callable[[], Any]:
    """A function of a Python file, which is executed; its folder can be imported from.

    Raises
    ------
    UserError
        If the file fails, or has no such function.
    """
    spec = importlib.util.spec_from_file_location(f"sparrow_model_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} must be a Python file")
    module = importlib.util.module_from_spec(spec)
    folder = path.resolve().parent
    for known in _imported:  # by another model's file, or before it was changed
        sys.modules.pop(known, None)
    _imported.clear()
    others = set(_modules_in(folder))
    sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UserError(f"{path} must be a Python file that can be executed: "
                        f"{type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
        _imported.update(set(_modules_in(folder)) - others)
    factory = getattr(module, name, None)
    if not callable(factory):
        raise UserError(f"{path} must have a function {name!r}, which it hasn't")
    return factory


def files_of(path: Path) -> dict[str, Path]:
    """A model's file and all modules of its folder that are loaded, by their paths in the folder.

    Once :func:`model_factory` has executed the file, these are the modules that it has imported
    from there. Other files that it reads aren't known; nor are modules of an environment in that
    folder, or of Sparrow.
    """
    folder = path.resolve().parent
    files = [file.relative_to(folder) for file in _modules_in(folder).values()]
    return {str(file): folder / file for file in sorted({Path(path.name), *files})}


def _modules_in(folder: Path) -> dict[str, Path]:
    """The files of loaded modules in a folder, by the modules' names."""
    found = {}
    for name, module in list(sys.modules.items()):
        file = Path(getattr(module, "__file__", None) or "/").resolve()
        if (name.split(".")[0] != "sparrow" and file.is_relative_to(folder) and file.is_file()
                and not {"site-packages", "dist-packages"} & set(file.parts)):
            found[name] = file
    return found


def load_weights(model: "torch.nn.Module", path: Path) -> None:
    """Read a model's parameters and buffers from a file.

    One of safetensors, or by its suffix ``.pt``, ``.pth`` or ``.th`` one of ``torch.save``: the
    tensors, or a mapping with them as ``state_dict``. No code of it is run. Of names that all begin
    with ``module.``, as ``DataParallel`` leaves them, this is taken off.

    Raises
    ------
    UserError
        If the file can't be read, or its tensors aren't those of the model.
    """
    import safetensors
    import safetensors.torch

    try:
        tensors = (_saved(path) if path.suffix in (".pt", ".pth", ".th")
                   else safetensors.torch.load_file(path))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except safetensors.SafetensorError as error:
        raise UserError(f"{path} must be a safetensors file: {error}") from None
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(f"{path} must hold the model's tensors: {error}") from None


def _saved(path: Path) -> "dict[str, torch.Tensor]":
    """The tensors of a file of ``torch.save``."""
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # of a file that isn't one, errors of many types
        reason = str(error).split("\n")[0]
        raise UserError(f"{path} must be a file of tensors by torch.save: {reason}") from None
    if isinstance(content, dict):
        content = content.get("state_dict", content)
    if not isinstance(content, dict) or not all(
            isinstance(name, str) and isinstance(tensor, torch.Tensor)
            for name, tensor in content.items()):
        raise UserError(f"{path} must hold tensors by name")
    if all(name.startswith("module.") for name in content):
        content = {name.removeprefix("module."): tensor for name, tensor in content.items()}
    return content
