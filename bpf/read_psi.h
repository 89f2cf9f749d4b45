/* SPDX-License-Identifier: GPL-2.0 */
/* Pressure. */
#include "read.h"

/* psi returns HAS_PSI if the group keeps account. */
static __always_inline __u32 psi(struct psi *to, const void *g)
{
	if (!get(psi_group, g, enabled))
		return 0;
	if (direct) {
		struct psi_group *p = cast(psi_group, g);

		for (int i = 0; i < PSI_TOTALS; i++)
			to->total[i] = p->total[i];
	} else {
		bpf_probe_read_kernel(to->total, sizeof(to->total), g + offset(psi_group, total));
	}
	return HAS_PSI;
}
