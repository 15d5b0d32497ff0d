# Two time stamps around what is measured; the cycles between them are added up.

.macro begin
    rdcycle s11
.endm
.macro end
    rdcycle t1
    sub t1, t1, s11
    la t0, total
    ld t2, 0(t0)
    add t2, t2, t1
    sd t2, 0(t0)
.endm
