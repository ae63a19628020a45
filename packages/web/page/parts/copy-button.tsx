// SPDX-License-Identifier: Apache-2.0
import { useState, type ReactNode } from 'react'
import { Button } from './button.tsx'

/** Puts `text` where the next paste takes it from, and says that it did. */
export function CopyButton({ text, label }: { readonly text: string; readonly label: string }): ReactNode {
  const [isCopied, setCopied] = useState(false)
  return (
    <Button
      look="quiet"
      onPress={() => {
        void navigator.clipboard.writeText(text).then(() => setCopied(true))
      }}
    >
      {isCopied ? 'Copied' : label}
    </Button>
  )
}
