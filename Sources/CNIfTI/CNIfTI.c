// A C target (rather than a system library) because its include folder must be searched: see include/znzlib.h.
#include "CNIfTI.h"
