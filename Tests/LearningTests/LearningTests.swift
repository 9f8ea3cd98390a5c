// Tests of Learning.
