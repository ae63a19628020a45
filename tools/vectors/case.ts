// SPDX-License-Identifier: Apache-2.0

/** A vector before its answers are written down. */
export interface VectorCase<Input> {
  /** What it pins down and why, for its README. */
  readonly about: string
  readonly checks: readonly {
    readonly input: Input
    /**
     * What a person says the answer must hold: a part of it, found elsewhere than in this implementation. The generator refuses
     * to write a vector whose answer says otherwise.
     */
    readonly claim: unknown
  }[]
}

export type VectorCases<Input> = Readonly<Record<string, VectorCase<Input>>>
