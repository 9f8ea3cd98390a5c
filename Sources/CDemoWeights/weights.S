/* The demo prior and the demo SAM, as parts of the program: it needs no files beside it, and the ranks of a host share the pages. */

        .section .rodata, "a", @progbits

        .balign 64
        .global cohort_demo_prior
cohort_demo_prior:
        .incbin "demo-prior.safetensors"
        .global cohort_demo_prior_end
cohort_demo_prior_end:

        .balign 64
        .global cohort_demo_sam
cohort_demo_sam:
        .incbin "demo-sam.safetensors"
        .global cohort_demo_sam_end
cohort_demo_sam_end:

        .section .note.GNU-stack, "", @progbits
