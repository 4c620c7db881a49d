"""The simulator of events."""

from sparrow.compiler.predict.events import Change, Simulation


def test_delays_and_changes():
    simulation = Simulation()
    change, log = Change(simulation), []

    def first():
        log.append(("first", simulation.now))
        yield 5
        log.append(("first", simulation.now))
        change.happen()
        yield 0
        log.append(("first", simulation.now))
        yield change
        log.append("never")

    def second():
        yield change
        log.append(("second", simulation.now))
        yield 2
        log.append(("second", simulation.now))

    simulation.resume(first())
    simulation.resume(second())
    simulation.at(6, lambda: log.append(("action", simulation.now)))
    simulation.run()
    assert log == [("first", 0), ("first", 5), ("first", 5), ("second", 5), ("action", 6),
                   ("second", 7)]


def test_what_is_late_happens_now():
    simulation = Simulation()
    times = []
    simulation.at(4, lambda: simulation.at(1, lambda: times.append(simulation.now)))
    simulation.run()
    assert times == [4]
