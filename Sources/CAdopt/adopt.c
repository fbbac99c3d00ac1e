#include "CAdopt.h"
