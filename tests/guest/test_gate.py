"""A real campaign that ends when its gate is decided, and is gated again from its results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from junitparser import JUnitXml

from faultkit.cli.gate import command
from faultkit.machine.image import Image
from faultkit.store.store import Store

pytestmark = pytest.mark.guest
MET, FAILED = 0, 1
KILLS = '''"""Is a killed server replaced?"""
from drivers.nbd import Nbd, VerifiedIO
from faultkit import AtRequest, RestartUDriver, Trial
from injectors.udriver.kill import Kill

GATE = ("survived >= 90 % against 60 %", "no CORRUPT in 5 trials")

def trials(seed):
    for n in range(40):
        yield Trial(driver=Nbd(), workload=VerifiedIO(requests=24), policy=RestartUDriver(), seed=seed + n,
                    fault=Kill(), trigger=AtRequest(1 + n % 20))
'''


def test_a_good_driver_is_told_in_a_fraction_of_the_list(image: Image, tmp_path: Path) -> None:
    experiment, out, xml = tmp_path / "gated_kills.py", tmp_path / "out", tmp_path / "gate.xml"
    experiment.write_text(KILLS)
    run = CliRunner().invoke
    asked = ("--until-decided", "--seed", "1", "--jobs", "1", "--out", str(out), "--junit", str(xml), "--json")
    done = run(command, [str(experiment), *asked], standalone_mode=False)
    assert done.return_value == MET, done.output
    told = json.loads(done.stdout)
    assert told["answer"] == "pass" and told["accounting"]["activated"] < 20
    with Store.open(out) as store:
        assert store.meta().decision == {"decision": "above", "k": 10, "n": 10, "trials": 10}
    (suite,) = JUnitXml.fromstring(xml.read_bytes())
    assert [case.name for case in suite] == [rule["rule"] for rule in told["rules"]]
    own = [str(out), "--experiment", str(experiment)]
    assert run(command, own, standalone_mode=False).return_value == MET, "the rules are the experiment's"
    refused = run(command, [str(out), "--rule", "udriver_died <= 50 %"], standalone_mode=False)
    assert refused.return_value == FAILED, "a watched campaign can fail, too"
