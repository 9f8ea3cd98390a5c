// FreeType, which draws the outlines of fonts, and Fontconfig, which knows the fonts of the machine.
#ifndef COHORT_CFREETYPE_SHIM_H
#define COHORT_CFREETYPE_SHIM_H
#include <ft2build.h>
#include FT_FREETYPE_H
#include <fontconfig/fontconfig.h>
#endif
