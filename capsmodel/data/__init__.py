"""Download, verify, load and split data sets."""

from capsmodel.data.dataset import Dataset
from capsmodel.data.loading import fetch, load_dataset, verify
from capsmodel.data.split import split_validation, stratified_order

__all__ = ["Dataset", "fetch", "load_dataset", "split_validation", "stratified_order", "verify"]
