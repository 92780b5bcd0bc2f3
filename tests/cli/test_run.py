"""pare run: a command in an image, in a container that leaves nothing behind."""
