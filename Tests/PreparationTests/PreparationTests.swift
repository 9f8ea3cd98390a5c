// Tests of Preparation.
