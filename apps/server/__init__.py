"""What the server keeps for its sessions beside Streamlit's own state: tickets, voxels, the queue, and their routes."""
