// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { PlaceHead } from '../../parts/place-head.tsx'

/** How long rows are kept, what was let go, and what is held back. */
export function Retention(): ReactNode {
  return (
    <PlaceHead
      title="Retention and holds"
      about="How long rows are kept, what was let go, and what is held back."
    />
  )
}
