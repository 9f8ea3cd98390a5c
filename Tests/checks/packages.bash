#!/bin/bash
# What clusters install from, each loaded by its own tool: the module file that `make install` writes, the container definition (its %post and %test in a fresh
# Debian), the easyconfig, the Spack package. Needs root; takes some minutes, and the time of a build for the first time. Ends with what could not be tried.

. "$(dirname "$0")/common.bash"
packages=$PWD/slurm/packages recipe=$PWD/slurm/packages/spack/spack_repo/cohort/packages/cohort/package.py
untried=()

# section FILE NAME: the lines of a part of a container definition.
section() { awk -v name="%$2" '/^%/ { on = $1 == name; next } on' "$1"; }

# Loads and unloads the module of the program installed in $2, with the shell functions in $1: those of Environment Modules or of Lmod.
load='. "$1"; module use "$2/share/modulefiles"; module load cohort; [ "$(type -P cohort)" = "$2/bin/cohort" ]
  cohort --version; module unload cohort; [ "$(type -P cohort)" != "$2/bin/cohort" ]'

# logged NAME COMMAND...: its output is shown where it fails.
logged() { "${@:2}" > "$scratch/log" 2>&1 || { tail -n 40 "$scratch/log"; fail "$1"; }; }

# enter COMMAND...: in the fresh Debian, with nothing of this environment.
enter() { env -i PATH="$PATH" unshare --mount --pid --fork chroot "$root" sh -c 'mount -t proc proc /proc && mount -t sysfs sysfs /sys && exec "$@"' enter "$@"; }

echo "== make install"
logged "make install" make install PREFIX="$scratch/cohort"
version=$("$scratch/cohort/bin/cohort" --version | awk '{ print $2 }')
grep -q "^version = '$version'" "$packages/cohort-$version.eb" || fail "the easyconfig is not of version $version"
grep -q "version(\"$version\")" "$recipe" || fail "the Spack package is not of version $version"

echo "== module load"
bash -ec "$load" modules /usr/share/modules/init/bash "$scratch/cohort" || fail "Environment Modules"

echo "== cohort.def in a fresh Debian"
root=$scratch/debian
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
logged debootstrap debootstrap --variant=minbase bookworm "$root" "$mirror"
{ echo 'set -e'; section "$packages/cohort.def" post; } > "$root/post"
{ echo 'set -e'; section "$packages/cohort.def" environment; section "$packages/cohort.def" test; } > "$root/test"
logged "make install DESTDIR" make install DESTDIR="$root" PREFIX=/opt/cohort
logged "%post of cohort.def" enter sh /post
logged "%test of cohort.def" enter sh /test
grep '^cohort ' "$scratch/log"
untried+=("apptainer build, which Debian 12 lacks: %post and %test of the definition ran in a Debian of debootstrap")
echo "== module load, Lmod"
logged "installing Lmod" enter sh -c 'apt-get update && apt-get install --yes --no-install-recommends lmod'
enter bash -ec "$load" modules /usr/share/lmod/lmod/init/bash /opt/cohort || fail Lmod

echo "== the easyconfig"
python3 -m venv "$scratch/venv"
logged "installing EasyBuild" "$scratch/venv/bin/pip" install "easybuild-framework==5.4.*" "easybuild-easyblocks==5.4.*"
mkdir -p "$scratch/modules/libexec"
ln -s "$(dpkg -L environment-modules | grep '/modulecmd.tcl$' | head -n 1)" "$scratch/modules/libexec/modulecmd.tcl"
git archive --prefix="cohort-$version/" --output="$scratch/cohort-$version.tar.gz" HEAD
# Checks its dependencies, unpacks the archive and prepares the build.
logged "the easyconfig" env MODULESHOME="$scratch/modules" PATH="$scratch/venv/bin:$PATH" eb --allow-use-as-root-and-accept-consequences \
  --modules-tool=EnvironmentModules --module-syntax=Tcl --prefix="$scratch/easybuild" --sourcepath="$scratch" --stop=prepare \
  "$packages/cohort-$version.eb"
grep "SUCCESS" "$scratch/log"
untried+=("the build by EasyBuild: it stopped before that")

echo "== the Spack package"
python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$recipe"
untried+=("Spack, which neither Debian 12 nor PyPI has: the package is Python, no more is known")

printf 'Not tried: %s.\n' "${untried[@]}"
