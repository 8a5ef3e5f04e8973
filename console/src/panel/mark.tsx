/** The mark of Hexhold. */
export function Mark({ size }: { size: number }) {
  return (
    <svg class="mark" viewBox="0 0 32 32" width={size} height={size} aria-hidden="true">
      <path d="M16 2 28 9v14L16 30 4 23V9Z" />
      <circle cx="16" cy="16" r="4" />
    </svg>
  );
}
