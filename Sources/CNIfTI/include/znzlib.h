// nifti2_io.h includes <znzlib.h>, but Debian installs it in /usr/include/nifti, which no pkg-config file names. This folder is on the
// include path of every target that uses the module, so this file leads there.
#include <nifti/znzlib.h>
