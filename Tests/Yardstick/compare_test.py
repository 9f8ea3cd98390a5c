"""The table of `compare.py` on results that were written by hand: `python3 -m unittest discover -s Tests/Yardstick -p '*_test.py'`."""

import unittest

from compare import COLUMNS, Case, Round, machine, markdown, row


def torch(seconds, gigabytes):
    return {"medianSeconds": seconds, "peakBytes": gigabytes * 1e9, "version": "2.15.0"}


def ours(seconds, gigabytes):
    described = {"processor": "Some CPU", "processors": 2, "oneDNN": "2.6.3"}
    return {
        "medianSeconds": seconds, "peakBytes": gigabytes * 1e9, "gflop": 300.0, "machine": described,
        "rates": {"convolution": 200.0, "copy": 12.0}}


class CompareTest(unittest.TestCase):
    case = Case.parse("vnet:norm=instance:112,112,80")

    def cells(self, rounds):
        return dict(zip(COLUMNS, row(self.case, rounds)))

    def test_a_case_is_read(self):
        self.assertEqual(self.case, Case("vnet", ("norm=instance",), "112,112,80"))
        self.assertEqual(self.case.arguments, ["--network", "vnet", "--option", "norm=instance", "--patch", "112,112,80"])
        self.assertEqual(Case.parse("unet3d:64,64,64").name, "unet3d")

    def test_medians_and_ratios(self):
        slow = Round(torch(9, 5), torch(9, 6), ours(9, 1), ours(9, 1))
        cells = self.cells([slow, *[Round(torch(4, 5), torch(3, 6), ours(2, 1.5), ours(3, 1.5))] * 2])
        self.assertEqual(cells["PyTorch s"], "4.000")
        self.assertEqual(cells["times faster"], "1.50")
        self.assertEqual(cells["convolutions alone s"], "1.500")
        self.assertEqual(cells["left above it s"], "0.500")
        self.assertEqual(cells["PyTorch GB"], "6.00", "of the faster layout")
        self.assertEqual(cells["times less memory"], "4.00")
        self.assertEqual(cells["speed-up"], "1.50")

    def test_a_program_that_failed_leaves_dashes(self):
        cells = self.cells([Round(torch(4, 5), None, None, None)])
        self.assertEqual((cells["PyTorch s"], cells["channels last s"], cells["Cohort s"], cells["times faster"]), ("4.000", "-", "-", "-"))
        self.assertEqual(machine([Round(None, None, None, None)]), "")

    def test_columns_stand_below_each_other(self):
        rounds = [Round(torch(4, 5), torch(3, 6), ours(2, 1.5), None)]
        lines = markdown([row(self.case, rounds)]).splitlines()
        self.assertEqual(len({len(line) for line in lines}), 1)
        self.assertIn("PyTorch 2.15.0", machine(rounds))


if __name__ == "__main__":
    unittest.main()
