import os
import subprocess
import sys


def test_the_program_blocks_who_stands_on_its_input(walead_emulator):
    service = {"WALEAD_BASE_URL": walead_emulator.walead_url, "WALEAD_API_KEY": walead_emulator.api_key}
    program = [sys.executable, "opt_out.py"]
    done = subprocess.run(program, input="john-doe\njane-smith\n", text=True, env=os.environ | service, check=False)
    assert done.returncode == 0
    assert walead_emulator.blocked_leads.identifiers() == ["john-doe", "jane-smith"]
