"""Spack: builds Cohort from a checkout, with the Swift on the PATH and the libraries of Debian 12.

    spack repo add slurm/packages/spack/spack_repo/cohort
    spack dev-build cohort@0.1.0

`spack external find cohort` finds a program that `make install` has installed."""

import re

from spack_repo.builtin.build_systems.makefile import MakefilePackage

from spack.package import *


class Cohort(MakefilePackage):
    """Trains 3D medical segmentation networks from a few labelled and many unlabelled volumes, on many machines."""

    license("Apache-2.0")
    version("0.1.0")
    executables = [r"^cohort$"]
    # No depends_on: the Makefile looks for the libraries of the system and names the Debian packages that are missing.

    @classmethod
    def determine_version(cls, exe):
        found = re.match(r"cohort (\S+)", Executable(exe)("--version", output=str, error=str))
        return found and found.group(1)

    def build(self, spec, prefix):
        """`make install` builds."""

    def install(self, spec, prefix):
        make("install", f"PREFIX={prefix}")
