"""The capsule network of Sabour, Frosst and Hinton (2017), in keras.ops; independent of sweep."""

from capsmodel.required_packages import check_required_packages

check_required_packages()
