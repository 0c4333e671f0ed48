import pytest
from opt_out import opt_out


@pytest.mark.walead_faults("POST#1:apply-then-close", "GET#1:status=503")
async def test_who_asks_is_blocked_though_answers_are_lost(walead_session, walead_emulator):
    left = await opt_out(walead_session, ["https://www.linkedin.com/in/john-doe/", "ann@example.com"])
    assert walead_emulator.blocked_leads.identifiers() == ["john-doe"]
    assert [line.partition(":")[0] for line in left] == ["ann@example.com"]
