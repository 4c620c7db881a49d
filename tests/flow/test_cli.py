import os
import signal
import subprocess
import sys
import types

import pytest

import sparrow
from sparrow.flow import cli
from sparrow.flow.errors import UserError
from sparrow.hw.spec.base import SpecError


@pytest.fixture
def command(monkeypatch):
    """Replaces all commands by one, ``fake``, whose body the test gives."""
    def install(body):
        module = types.ModuleType("sparrow.flow.cli.fake")
        module.add_parser = lambda subparsers: subparsers.add_parser(
            "fake", help="a command").add_argument("--count", type=int)
        module.run = body
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(cli, "_command_modules", lambda: {"fake": module.__name__})
    return install


def fail(error):
    def body(arguments):
        raise error
    return body


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"sparrow {sparrow.__version__}\n"


def test_help(command, capsys):
    command(lambda arguments: 0)
    assert cli.main(["--help"]) == 0
    assert "fake" in capsys.readouterr().out


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_starts_light(argument):
    code = (f"import sys; from sparrow.flow.cli import main; main([{argument!r}]); "
            "print({'torch', 'amaranth', 'cocotb', 'numpy'} & set(sys.modules), file=sys.stderr)")
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (0, "set()\n")


@pytest.mark.parametrize("status", [0, 1])
def test_status_is_that_of_the_command(command, status):
    command(lambda arguments: status)
    assert cli.main(["fake"]) == status


def test_arguments_reach_the_command(command):
    command(lambda arguments: arguments.count)
    assert cli.main(["fake", "--count", "7"]) == 7


@pytest.mark.parametrize("arguments, text", [
    (["nonsense"], "command must be one of fake, not 'nonsense'"),
    ([], "the following arguments are required: COMMAND; see sparrow --help"),
    (["--nonsense"], "the following arguments are required: COMMAND; see sparrow --help"),
    (["fake", "--count", "x"],
     "argument --count: invalid int value: 'x'; see sparrow fake --help"),
    (["fake", "rest"], "unrecognized arguments: rest; see sparrow --help"),
])
def test_wrong_arguments(command, capsys, arguments, text):
    command(lambda arguments: 0)
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err == f"sparrow: error: {text}\n"


@pytest.mark.parametrize("error, text", [
    (UserError("lanes must be\n  more"), "lanes must be more"),
    (SpecError("lanes must be an integer from 1 to 64, not 65"),
     "lanes must be an integer from 1 to 64, not 65"),
    (FileNotFoundError(2, "No such file or directory", "a.toml"),
     "a.toml: No such file or directory"),
    (OSError("no space"), "no space"),
])
def test_mistake_is_one_line(command, capsys, error, text):
    command(fail(error))
    assert cli.main(["fake"]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"sparrow: error: {text}\n")


def test_own_error_keeps_its_traceback(command):
    command(fail(ValueError("ours")))
    with pytest.raises(ValueError, match="ours"):
        cli.main(["fake"])


def test_interrupt(command, capsys):
    # a process that was started in the background may ignore the signal
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    command(lambda arguments: os.kill(os.getpid(), signal.SIGINT))
    assert cli.main(["fake"]) == 130
    assert capsys.readouterr().err == "sparrow: interrupted\n"
    signal.signal(signal.SIGINT, before)


def test_reader_that_goes_away():
    code = ("import sys, types; from sparrow.flow import cli; "
            "cli._dispatch = lambda arguments: print('x' * 1000000) or 0; sys.exit(cli.main([]))")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait() == 141


def test_every_command_has_the_two_functions():
    for name, module in cli._load(["--help"]).items():
        assert callable(module.add_parser), name
        assert callable(module.run), name
