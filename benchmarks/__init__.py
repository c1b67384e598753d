"""Measurements that compare, run by hand (``make bench``); nothing here ships."""
