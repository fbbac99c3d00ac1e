import CAdopt
