"""The capsule network of Sabour, Frosst and Hinton (2017), in keras.ops; knows nothing of sweep."""
