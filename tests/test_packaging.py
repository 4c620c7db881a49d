"""The wheel holds all that the folders hold, and works in a clean environment."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import sparrow

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ["hw", "golden", "compress", "compiler", "sim", "flow"]


def run(*command, **options):
    process = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                             **options)
    assert process.returncode == 0, f"{command}\n{process.stdout}\n{process.stderr}"
    return process.stdout


@pytest.fixture(scope="module")
def files():
    """The project's files, as git knows them, relative to its root."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("git, or its folder, is not there to list the project's files")
    names = run("git", "-C", ROOT, "-c", f"safe.directory={ROOT}", "ls-files", "-z",
                "--cached", "--others", "--exclude-standard").split("\0")
    return sorted({Path(name) for name in names if name and (ROOT / name).is_file()})


@pytest.fixture(scope="module")
def tree(files, tmp_path_factory):
    """A copy of the project, so that no scratch of earlier builds gets into the wheel."""
    tree = tmp_path_factory.mktemp("tree")
    for file in files:
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tree / file)
    return tree


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, tree)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def clean_environment(wheel, tmp_path_factory):
    """An environment with this wheel, and all else from the packages of this interpreter.

    A ``.pth`` line adds those packages behind its own, and doesn't run their ``.pth`` files, so
    an editable Sparrow among them stays out of sight.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps",
        "--no-index", "--disable-pip-version-check", wheel)
    [packages] = (folder / "lib").glob("python*/site-packages")
    (packages / "main.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder


@pytest.fixture
def outside(tmp_path):
    """How to run a program of the clean environment: nothing of this tree is on its path."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    scripts = sysconfig.get_paths()["scripts"]
    environment["PATH"] = scripts + os.pathsep + environment["PATH"]
    return {"cwd": tmp_path, "env": environment}


def test_every_package_is_listed(files):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    expected = ["sparrow", *sorted("sparrow." + ".".join(file.parent.parts) for file in files
                                   if file.name == "__init__.py" and file.parts[0] in FOLDERS)]
    assert sorted(settings["packages"]) == expected
    for folder in {name.split(".")[1] for name in expected[1:]}:
        assert settings["package-dir"][f"sparrow.{folder}"] == folder


def test_wheel_has_every_file(files, wheel):
    expected = {file.as_posix() if file.parts[0] == "sparrow" else f"sparrow/{file.as_posix()}"
                for file in files if file.parts[0] in [*FOLDERS, "sparrow"]}
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert found == expected


def test_build_folder_stays_clean(tree, wheel):
    assert [path.name for path in (tree / "build").iterdir()] == ["README.md"]


def test_installed_is_what_is_imported(clean_environment, outside):
    code = ("import sparrow, sparrow.flow, sparrow.hw; "
            "print(sparrow.__file__, sparrow.flow.__file__, sparrow.hw.__file__, sep='\\n')")
    for line in run(clean_environment / "bin" / "python", "-c", code, **outside).splitlines():
        assert Path(line).is_relative_to(clean_environment)


def test_version(clean_environment, outside, wheel):
    output = run(clean_environment / "bin" / "sparrow", "--version", **outside)
    assert output == f"sparrow {sparrow.__version__}\n"
    assert wheel.name.startswith(f"sparrow-{sparrow.__version__}-")


def test_generate(clean_environment, outside, tmp_path):
    run(clean_environment / "bin" / "sparrow", "generate", "mac-array", "--set", "lanes=2",
        "--set", "columns=2", "-o", "X.v", **outside)
    assert "endmodule" in (tmp_path / "X.v").read_text()
