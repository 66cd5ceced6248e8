/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest's operating system cannot find by itself: the host bridge with its windows, the
 * serial line, the clock, and how to power off. Everything fixed is drivers/api/machine.h.
 */
DefinitionBlock ("", "DSDT", 2, "KFV", "KFVGUEST", 1)
{
    /* SLP_TYP for PM1a: MACHINE_SLP_TYP_S5. */
    Name (_S5, Package () { 5, 0, 0, 0 })

    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_UID, 0)
            Name (_BBN, 0)
            Name (_CRS, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
                    0, 0, 0, 0, 1)
                IO (Decode16, 0xcf8, 0xcf8, 1, 8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0, 0, 0xcf7, 0, 0xcf8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0, 0xd00, 0xffff, 0, 0xf300)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable,
                    ReadWrite, 0, 0xc0000000, 0xfebfffff, 0, 0x3ec00000)
            })

            /* Pin A of each slot: MACHINE_SLOT_GSI. */
            Name (_PRT, Package ()
            {
                Package () { 0x0001ffff, 0, 0, 16 },
                Package () { 0x0002ffff, 0, 0, 17 },
                Package () { 0x0003ffff, 0, 0, 18 },
                Package () { 0x0004ffff, 0, 0, 19 },
                Package () { 0x0005ffff, 0, 0, 20 },
                Package () { 0x0006ffff, 0, 0, 21 },
                Package () { 0x0007ffff, 0, 0, 22 },
                Package () { 0x0008ffff, 0, 0, 23 }
            })

            Device (COM1)
            {
                Name (_HID, EisaId ("PNP0501"))
                Name (_UID, 1)
                Name (_CRS, ResourceTemplate ()
                {
                    IO (Decode16, 0x3f8, 0x3f8, 1, 8)
                    IRQNoFlags () { 4 }
                })
            }

            Device (RTC0)
            {
                Name (_HID, EisaId ("PNP0B00"))
                Name (_CRS, ResourceTemplate ()
                {
                    IO (Decode16, 0x70, 0x70, 1, 2)
                    IRQNoFlags () { 8 }
                })
            }
        }
    }
}
