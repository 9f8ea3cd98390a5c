// Tests of Methods.
