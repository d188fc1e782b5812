/** What erasing a person does, before it is done. */
export const ErasedParts = () => (
  <>
    <p>
      <strong>This cannot be undone.</strong>
    </p>
    <ul class="points">
      <li>The account goes, with its sessions, devices and codes.</li>
      <li>
        The name and the methods go from the log. That the door was opened stays, and is proven.
      </li>
      <li>Addresses go from the audit trail. Backups made before still hold all of it.</li>
    </ul>
  </>
)
