"""Data: datasets, samplers, the loader, transforms, IDX files and MNIST."""

from tensorgrad.data import transforms as transforms
from tensorgrad.data.collate import default_collate as default_collate
from tensorgrad.data.collate import default_convert as default_convert
from tensorgrad.data.dataset import ConcatDataset as ConcatDataset
from tensorgrad.data.dataset import Dataset as Dataset
from tensorgrad.data.dataset import Subset as Subset
from tensorgrad.data.dataset import TensorDataset as TensorDataset
from tensorgrad.data.dataset import random_split as random_split
from tensorgrad.data.download import cache_dir as cache_dir
from tensorgrad.data.idx import DatasetError as DatasetError
from tensorgrad.data.idx import read_idx as read_idx
from tensorgrad.data.idx import write_idx as write_idx
from tensorgrad.data.loader import DataLoader as DataLoader
from tensorgrad.data.mnist import MNIST as MNIST
from tensorgrad.data.mnist import FashionMNIST as FashionMNIST
from tensorgrad.data.sampler import BatchSampler as BatchSampler
from tensorgrad.data.sampler import RandomSampler as RandomSampler
from tensorgrad.data.sampler import Sampler as Sampler
from tensorgrad.data.sampler import SequentialSampler as SequentialSampler
from tensorgrad.data.sampler import SubsetRandomSampler as SubsetRandomSampler
from tensorgrad.data.sampler import WeightedRandomSampler as WeightedRandomSampler
