// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../core/clock.ts'
import { FastenError } from '../core/error.ts'
import { openKeyRing } from '../store/privacy/key-file.ts'
import type { KeyRing, RandomBytes } from '../store/privacy/key-ring.ts'
import { privacyPlaces } from '../store/privacy/privacy-places.ts'
import { createSealer, type Sealer } from '../store/privacy/sealer.ts'
import type { Config } from './config.ts'

export interface SealerParts {
  readonly config: Config
  readonly clock: Clock
  readonly random: RandomBytes
  /** A ring that was unwrapped by a key service before the start. */
  readonly ring: KeyRing | undefined
  /** Told once when there can be no key: personal members are masked from then on. */
  readonly onTrouble: (error: FastenError) => void
}

/**
 * The sealer of an instance, made when the first personal member is emitted: an application that has none gets no key. Null
 * where there is no key and none can be made. A key that is set and wrong throws here, at start.
 */
export function openSealer({ config, clock, random, ring, onTrouble }: SealerParts): () => Sealer | null {
  const settings = config.privacy()
  const isGiven = settings.key !== undefined || settings.keyFile !== undefined
  const given = ring ?? (isGiven ? openKeyRing(settings, null, random) : null)
  let sealer = given === null ? undefined : createSealer({ ring: given, clock, random })

  function make(): Sealer | null {
    const dsn = config.targets.audit?.dsn
    const places = dsn === undefined ? null : privacyPlaces(dsn, config.keyDirectory)
    // What is kept in memory only is not there to be erased, and gets no file beside it.
    if (places === null || config.durability === 'memory') return null
    const made = openKeyRing(settings, places.keyFile, random)
    return made === null ? null : createSealer({ ring: made, clock, random })
  }

  let isTried = false
  return () => {
    if (sealer !== undefined) return sealer
    if (isTried) return null
    isTried = true
    try {
      sealer = make() ?? undefined
    } catch (error) {
      if (!(error instanceof FastenError)) throw error
      onTrouble(error)
    }
    return sealer ?? null
  }
}
