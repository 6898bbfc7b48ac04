// The face on SQLite and PostgreSQL, under its first name.
#pragma once

#include "common/sql/database.h"  // IWYU pragma: export
