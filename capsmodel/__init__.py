"""The capsule network of Sabour, Frosst and Hinton (2017), implemented in keras.ops.

The package does not depend on `sweep`.
"""

from capsmodel.required_packages import check_required_packages

check_required_packages()
