// The headers nearly every test of the compiler's libraries includes; built once (see tests/CMakeLists.txt).
#include "ir/Precompiled.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
