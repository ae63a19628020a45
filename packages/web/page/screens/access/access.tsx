// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { PlaceHead } from '../../parts/place-head.tsx'

/** Who may log in, what they may do, and with which keys. */
export function Access(): ReactNode {
  return <PlaceHead title="Access" about="Who may log in, what they may do, and with which keys." />
}
