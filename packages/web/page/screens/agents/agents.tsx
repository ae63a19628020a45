// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { PlaceHead } from '../../parts/place-head.tsx'

/** What agents did, whom they did it for, and what it cost. */
export function Agents(): ReactNode {
  return <PlaceHead title="Agents" about="What agents did, whom they did it for, and what it cost." />
}
