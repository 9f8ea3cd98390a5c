// Tests of Cohort.
