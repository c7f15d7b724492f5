"""Coverage-guided fuzzing of everything that reads a file from outside.

python -m tests.fuzz                     # 200 000 inputs over all readers, a table at the end
python -m tests.fuzz --runs 5000 nifti   # one reader
python -m tests.fuzz.seeds               # make the seed corpus again
"""
