// The headers nearly every verb includes.
#include "compiler/import/Precompiled.h"
#include <CLI/CLI.hpp>
