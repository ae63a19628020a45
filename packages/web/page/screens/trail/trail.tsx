// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { PlaceHead } from '../../parts/place-head.tsx'

/** Who read, exported, logged in and changed what here. */
export function Trail(): ReactNode {
  return <PlaceHead title="Trail" about="Who read, exported, logged in and changed what here." />
}
