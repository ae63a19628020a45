// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { PlaceHead } from '../../parts/place-head.tsx'

/** Every code that rows carry, what it means, and how often it is seen. */
export function Codes(): ReactNode {
  return (
    <PlaceHead title="Codes" about="Every code that rows carry, what it means, and how often it is seen." />
  )
}
