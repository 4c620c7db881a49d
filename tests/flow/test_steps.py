"""Steps are done again only where it is needed."""

import pytest

from sparrow.flow.steps import Steps, code_digest


def run(folder, key, *, file=None, fails=False):
    calls = []

    def make():
        calls.append(key)
        if fails:
            raise KeyboardInterrupt
        if file is not None:
            file.write_text("made")
        return {"value": key}

    steps = Steps(folder)
    result = steps.run("step", {"key": key}, make, files=[file] if file else [])
    assert (steps.done, steps.kept) == ((["step"], []) if calls else ([], ["step"]))
    assert result == {"value": key}
    return bool(calls)


def test_once_for_a_key(tmp_path):
    assert [run(tmp_path, key) for key in (1, 1, 2, 2, 1)] == [True, False, True, False, True]


def test_missing_files_are_made_again(tmp_path):
    file = tmp_path / "file"
    assert [run(tmp_path, 1, file=file) for _ in range(2)] == [True, False]
    file.unlink()
    assert run(tmp_path, 1, file=file)


def test_an_interrupted_step_is_done_again(tmp_path):
    run(tmp_path, 1)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, 2, fails=True)
    assert run(tmp_path, 1)


def test_a_damaged_memory_is_no_obstacle(tmp_path):
    run(tmp_path, 1)
    (tmp_path / "step.json").write_text("{")
    assert run(tmp_path, 1)


def test_code_digest():
    assert code_digest("sparrow.sim") == code_digest("sparrow.sim")
    assert code_digest("sparrow.sim") != code_digest("sparrow.hw")
    assert code_digest("sparrow.sim", without=("native",)) != code_digest("sparrow.sim")
    assert code_digest("sparrow.sim", without=("none",)) == code_digest("sparrow.sim")


def test_changed_files_are_made_again(tmp_path):
    file = tmp_path / "file"
    run(tmp_path, 1, file=file)
    file.write_text("changed")
    assert run(tmp_path, 1, file=file)
    assert file.read_text() == "made"
