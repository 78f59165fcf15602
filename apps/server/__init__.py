"""What the server keeps beside Streamlit's own state: the bundle, its queue, tickets, voxels, and their routes."""
