/** What erasing an account does. */
export const ErasureNotice = () => (
  <>
    <p>
      <strong>This cannot be undone.</strong>
    </p>
    <ul class="points">
      <li>The account is deleted, and all its sessions end.</li>
      <li>
        Name and methods are removed from the log. The unlocks themselves stay, and can still be
        verified.
      </li>
      <li>
        Addresses are removed from the audit events. Existing backups still contain everything.
      </li>
    </ul>
  </>
)
